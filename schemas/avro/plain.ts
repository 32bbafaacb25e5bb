/**
 * A copy of a value that was read from Avro as plain objects, arrays and maps, with nothing lazy left: for spreading,
 * for comparing, and for keeping without the bytes behind it. Bytes stay views; copy them if they are to outlive
 * their batch.
 */
export function plain<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(plain) as T
  if ('$b' in value) return (value as unknown as { toJSON(): T }).toJSON()
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)])) as T
}
