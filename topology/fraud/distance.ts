/** A point on the earth, WGS 84 degrees. */
export interface Place {
  readonly latitude: number
  readonly longitude: number
}

/** The mean radius of the earth (IUGG R1), metres. */
const earthRadiusMetres = 6_371_008.8
const radiansPerDegree = Math.PI / 180

/**
 * The length of the great circle between two places, metres, by the haversine formula; error below 0.6 % of an
 * ellipsoid.
 */
export function distanceMetres(from: Place, to: Place): number {
  if (from.latitude === to.latitude && from.longitude === to.longitude) return 0
  const fromLatitude = from.latitude * radiansPerDegree
  const toLatitude = to.latitude * radiansPerDegree
  const sinLatitude = Math.sin((toLatitude - fromLatitude) / 2)
  const sinLongitude = Math.sin(((to.longitude - from.longitude) * radiansPerDegree) / 2)
  const haversine =
    sinLatitude * sinLatitude + Math.cos(fromLatitude) * Math.cos(toLatitude) * sinLongitude * sinLongitude
  return 2 * earthRadiusMetres * Math.asin(Math.min(1, Math.sqrt(haversine)))
}
