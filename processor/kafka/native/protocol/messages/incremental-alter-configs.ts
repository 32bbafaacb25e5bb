import { field, list, message } from '../define.ts'

/** Changes single settings (KIP-339). */
export const incrementalAlterConfigs = message(
  'IncrementalAlterConfigs',
  44,
  { valid: '0-1', flexible: '1+' },
  [
    list('resources', [
      field('resourceType', 'int8'),
      field('resourceName', 'string'),
      list('configs', [
        field('name', 'string'),
        field('configOperation', 'int8'),
        field('value', 'string', '0+', { nullable: true }),
      ]),
    ]),
    field('validateOnly', 'bool'),
  ],
  [
    field('throttleTimeMs', 'int32'),
    list('responses', [
      field('errorCode', 'int16'),
      field('errorMessage', 'string', '0+', { nullable: true }),
      field('resourceType', 'int8'),
      field('resourceName', 'string'),
    ]),
  ],
)
