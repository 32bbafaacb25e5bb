import { storesConformance } from './conformance.ts'
import { memoryStores } from './memory.ts'

storesConformance(() => {
  const stores = memoryStores()
  return Promise.resolve({ stores, restart: () => Promise.resolve(stores), release: () => Promise.resolve() })
})
