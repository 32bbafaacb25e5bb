import { defineConfig } from 'vitest/config'

// One project per tier, by the suffix of the file (CONTRIBUTING.md). `npm test` runs them one after another
// (infra/test.ts); `vitest run path` runs the tests of a path in whatever tier they are, `vitest run --project unit`
// one tier.

const outside = ['**/node_modules/**', 'dist/**', '.work/**']
const suffixed = ['**/*.sim.test.ts', '**/*.kafka.test.ts', '**/*.browser.test.ts']

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...outside, ...suffixed],
          // For tests that hang: on a machine that is busy with something else, five seconds end good ones too.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'sim',
          include: ['**/*.sim.test.ts'],
          exclude: outside,
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'kafka',
          include: ['**/*.kafka.test.ts'],
          exclude: outside,
          globalSetup: ['infra/kafka.setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // The broker is shared: one file at a time keeps timings and the load on a small machine predictable.
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'browser',
          include: ['**/*.browser.test.ts'],
          exclude: outside,
          testTimeout: 120_000,
        },
      },
    ],
  },
})
