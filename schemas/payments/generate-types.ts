import { writeFileSync } from 'node:fs'
import { generateTypes } from '../avro/types.ts'
import {
  analyticsSchema,
  fraudAlertSchema,
  paymentLabelSchema,
  paymentSchema,
  rejectedPaymentSchema,
} from './schemas.ts'

// Run `node schemas/payments/generate-types.ts` after a change of an .avsc file; a test tells when that was forgotten.

const head = `// Generated from the .avsc files by \`node schemas/payments/generate-types.ts\`. Do not edit.

import type { Buffer } from 'node:buffer'

`

/** The text of types.ts. */
export const paymentTypes = (): string =>
  head + generateTypes([paymentSchema, paymentLabelSchema, fraudAlertSchema, analyticsSchema, rejectedPaymentSchema])

if (import.meta.main) writeFileSync(new URL('types.ts', import.meta.url), paymentTypes())
