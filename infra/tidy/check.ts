import { checkCycles, checkDirection } from './layers.ts'
import {
  checkGeneratedCode,
  checkOutsideNames,
  checkPackageFiles,
  checkPackages,
  checkPatterns,
  checkSize,
  checkTestName,
} from './rules.ts'
import { parseSource, type Finding } from './source.ts'

const isCode = (path: string): boolean => path.endsWith('.ts')
const isText = (path: string): boolean => !/\.(?:png|gif|jpg|ico|gz|woff2?|csv)$/.test(path)

/** Every rule over a tree of path and text. Empty when the house is tidy. */
export const checkTree = (tree: ReadonlyMap<string, string>): Finding[] => {
  const files = [...tree].filter(([path]) => isCode(path)).map(([path, text]) => parseSource(path, text))
  return [
    ...checkDirection(files),
    ...checkCycles(files),
    ...files.flatMap(file => [
      ...checkPatterns(file),
      ...checkGeneratedCode(file),
      ...checkSize(file),
      ...checkPackages(file),
      ...checkTestName(file),
    ]),
    ...[...tree].filter(([path]) => isText(path)).flatMap(([path, text]) => checkOutsideNames(path, text)),
    ...checkPackageFiles(tree),
  ]
}
