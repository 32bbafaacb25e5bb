import { partitionOf } from './kafka/native/murmur2.ts'
import { type App, type AppOptions, createApp as createEngine } from './runtime/app.ts'
import type { Plan } from '../topology/plan.ts'

/**
 * What an application needs; records are spread over partitions as Java's producer does it unless you say otherwise.
 */
export type CreateAppOptions = Omit<AppOptions, 'partitionOf'> & Partial<Pick<AppOptions, 'partitionOf'>>

/** Checks the topology and the settings, and makes an application of them. Nothing runs before `start`. */
export const createApp = (topology: Plan | { readonly plan: Plan }, options: CreateAppOptions): App =>
  createEngine(topology, { partitionOf, ...options })
