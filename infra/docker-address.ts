// Where things are inside a container. infra/docker.test.ts holds the compose file and prometheus.yml to it.

/** Of the processor's own server, on loopback: it authenticates nobody. */
export const observeUrl = 'http://127.0.0.1:9464'

/** What others reach: the metrics, for who has the token. */
export const doorPort = 9465
