import { field, list, message } from '../define.ts'

/** The versions of each API that a broker supports, and its finalized features (KIP-584). */
export const apiVersions = message(
  'ApiVersions',
  18,
  { valid: '0-4', flexible: '3+' },
  [field('clientSoftwareName', 'string', '3+'), field('clientSoftwareVersion', 'string', '3+')],
  [
    field('errorCode', 'int16'),
    list('apiKeys', [field('apiKey', 'int16'), field('minVersion', 'int16'), field('maxVersion', 'int16')]),
    field('throttleTimeMs', 'int32', '1+'),
    list(
      'supportedFeatures',
      [field('name', 'string', '3+'), field('minVersion', 'int16', '3+'), field('maxVersion', 'int16', '3+')],
      '3+',
      { tag: 0 },
    ),
    field('finalizedFeaturesEpoch', 'int64', '3+', { default: -1, tag: 1 }),
    list(
      'finalizedFeatures',
      [field('name', 'string', '3+'), field('maxVersionLevel', 'int16', '3+'), field('minVersionLevel', 'int16', '3+')],
      '3+',
      { tag: 2 },
    ),
    field('zkMigrationReady', 'bool', '3+', { tag: 3 }),
  ],
)
