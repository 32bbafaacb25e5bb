import type { RegisteredSchema, Registry } from './registry.ts'

/**
 * A schema registry in this process, for the embedded run and for tests. Ids count from 1; the same schema under
 * several subjects has one id, as in Confluent's registry. Whitespace of the JSON text makes no difference.
 */
export function memoryRegistry(): Registry {
  const schemas: { readonly text: string; readonly subjects: Set<string> }[] = []
  return {
    byId: id => {
      const found = schemas[id - 1]
      const answer: RegisteredSchema =
        found === undefined
          ? { kind: 'unknown', id }
          : { kind: 'avro', id, schema: found.text, subjects: [...found.subjects] }
      return Promise.resolve(answer)
    },
    register: async (subject, schema) => {
      const text = JSON.stringify(JSON.parse(schema))
      let index = schemas.findIndex(each => each.text === text)
      if (index < 0) index = schemas.push({ text, subjects: new Set() }) - 1
      schemas[index]!.subjects.add(subject)
      return index + 1
    },
  }
}
