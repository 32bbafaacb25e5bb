import { AppError } from '../../errors.ts'
import { brokerError, errorInfo, KafkaError } from './protocol/errors.ts'

/** Waiting, or asking somebody else, may mend it. */
export const isRetriable = (error: unknown): boolean => error instanceof AppError && error.retriable

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Kafka's name of the error, if it is one of Kafka's. */
export const nameOf = (error: unknown): string | null => (error instanceof KafkaError ? error.error : null)

export const nameOfCode = (errorCode: number): string => errorInfo(errorCode).name

/** Throws what the code of an answer stands for. */
export function check(api: string, errorCode: number, detail?: string): void {
  if (errorCode !== 0) throw brokerError(api, errorCode, { detail })
}

/** As if a broker had answered `errorCode`. */
export const errorOf = (api: string, errorCode: number, detail?: string): KafkaError =>
  brokerError(api, errorCode, { detail })

/** What the client does not know where to send counts as a lost connection: look it up and try again. */
export const networkError = (api: string, what: string): KafkaError =>
  new KafkaError(api, 'NETWORK', `${api} could not be sent: ${what}.`)
