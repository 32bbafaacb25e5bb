import { get } from 'node:http'

// The health check of the image, which has no curl: exit code 0 when the processor is ready, else 1 and why on stdout,
// where `docker inspect` shows it. The engine's own timeout ends it when nothing answers.

/** Where the processor listens in its container. Whether it is ready it says to everybody. */
const url = 'http://127.0.0.1:9464/health/ready'

const end = (text: string, code: number): void => {
  process.stdout.write(text)
  process.exitCode = code
}

get(url, response => {
  response.setEncoding('utf8')
  let body = ''
  response.on('data', (chunk: string) => (body += chunk))
  response.on('end', () => end(body, response.statusCode === 200 ? 0 : 1))
}).on('error', error => end(`${url} does not answer: ${error.message}\n`, 1))
