// Where people live and shop, and what they buy.

export interface City {
  readonly name: string
  readonly country: string
  readonly currency: string
  readonly latitude: number
  readonly longitude: number
  /** One degree of longitude over one of latitude, at this latitude. */
  readonly squeeze: number
  /** Hours that local time is ahead of UTC. */
  readonly utcOffsetHours: number
  readonly weight: number
}

/** Homes and shops lie within this many degrees of latitude round the centre: no two in one city are 50 km apart. */
export const cityRadiusDegrees = 0.1

const city = (
  name: string,
  country: string,
  currency: string,
  [latitude, longitude, squeeze]: readonly [number, number, number],
  utcOffsetHours: number,
  weight: number,
): City => ({ name, country, currency, latitude, longitude, squeeze, utcOffsetHours, weight })

export const cities: readonly City[] = [
  city('Paris', 'FR', 'EUR', [48.8566, 2.3522, 0.658], 1, 5),
  city('Berlin', 'DE', 'EUR', [52.52, 13.405, 0.6085], 1, 4),
  city('Madrid', 'ES', 'EUR', [40.4168, -3.7038, 0.7613], 1, 4),
  city('Rome', 'IT', 'EUR', [41.9028, 12.4964, 0.7443], 1, 3),
  city('Vienna', 'AT', 'EUR', [48.2082, 16.3738, 0.6664], 1, 2),
  city('Brussels', 'BE', 'EUR', [50.8503, 4.3517, 0.6314], 1, 2),
  city('Amsterdam', 'NL', 'EUR', [52.3676, 4.9041, 0.6106], 1, 2),
  city('Lisbon', 'PT', 'EUR', [38.7223, -9.1393, 0.7802], 0, 2),
  city('Athens', 'GR', 'EUR', [37.9838, 23.7275, 0.7882], 2, 2),
  city('Dortmund', 'DE', 'EUR', [51.5136, 7.4653, 0.6223], 1, 1),
  city('New York', 'US', 'USD', [40.7128, -74.006, 0.758], -5, 3),
  city('Chicago', 'US', 'USD', [41.8781, -87.6298, 0.7446], -6, 2),
]

export interface Category {
  readonly name: string
  readonly weight: number
  /** An amount here against the customer's mean. */
  readonly factor: number
  /** Local hours; the end is exclusive. */
  readonly opens: number
  readonly closes: number
}

const category = (name: string, weight: number, factor: number, opens = 0, closes = 24): Category => ({
  name,
  weight,
  factor,
  opens,
  closes,
})

export const categories: readonly Category[] = [
  category('grocery', 6, 0.8, 6, 22),
  category('food_service', 6, 0.6, 7, 24),
  category('retail', 4, 1.3, 9, 21),
  category('transportation', 3, 0.5),
  category('fuel', 2, 1.2),
  category('health', 1.5, 0.9, 8, 20),
  category('entertainment', 1.5, 0.9, 10, 24),
  category('electronics', 1, 2, 9, 20),
  category('government', 0.5, 1.5, 8, 17),
  category('travel', 0.5, 2.5),
]
