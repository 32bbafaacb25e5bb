import type { Shape } from './shape.ts'

/**
 * A text that two schemas share when bytes of the one are bytes of the other with the same names: kinds, full names,
 * fields and symbols in their order, logical types; no defaults, aliases and documentation.
 */
export function canonicalText(shape: Shape, seen = new Set<Shape>()): string {
  switch (shape.kind) {
    case 'array':
      return `[${canonicalText(shape.items, seen)}]`
    case 'map':
      return `{${canonicalText(shape.values, seen)}}`
    case 'union':
      return `(${shape.branches.map(branch => canonicalText(branch, seen)).join('|')})`
    case 'fixed':
      return `${shape.names[0]!}#${shape.size}:${shape.logical ?? ''}`
    case 'enum':
      // The default decides what a reader makes of unknown symbols, and a writer's schema may be the reader's.
      return `${shape.names[0]!}<${shape.symbols.join(',')}=${shape.fallback ?? ''}>`
    case 'record': {
      if (seen.has(shape)) return shape.names[0]!
      seen.add(shape)
      const fields = shape.fields.map(field => `${field.name} ${canonicalText(field.shape, seen)}`)
      return `${shape.names[0]!}(${fields.join(';')})`
    }
    default:
      return shape.logical === null ? shape.kind : `${shape.kind}:${shape.logical}`
  }
}
