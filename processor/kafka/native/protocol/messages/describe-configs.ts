import { field, list, message } from '../define.ts'

/** Effective settings of topics, brokers and groups. */
export const describeConfigs = message(
  'DescribeConfigs',
  32,
  { valid: '1-4', flexible: '4+' },
  [
    list('resources', [
      field('resourceType', 'int8'),
      field('resourceName', 'string'),
      list('configurationKeys', 'string', '0+', { nullable: true }),
    ]),
    field('includeSynonyms', 'bool', '1+'),
    field('includeDocumentation', 'bool', '3+'),
  ],
  [
    field('throttleTimeMs', 'int32'),
    list('results', [
      field('errorCode', 'int16'),
      field('errorMessage', 'string', '0+', { nullable: true }),
      field('resourceType', 'int8'),
      field('resourceName', 'string'),
      list('configs', [
        field('name', 'string'),
        field('value', 'string', '0+', { nullable: true }),
        field('readOnly', 'bool'),
        field('configSource', 'int8', '1+', { default: -1 }),
        field('isSensitive', 'bool'),
        list(
          'synonyms',
          [
            field('name', 'string', '1+'),
            field('value', 'string', '1+', { nullable: '0+' }),
            field('source', 'int8', '1+'),
          ],
          '1+',
        ),
        field('configType', 'int8', '3+'),
        field('documentation', 'string', '3+', { nullable: '0+' }),
      ]),
    ]),
  ],
)
