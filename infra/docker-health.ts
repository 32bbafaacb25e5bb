import { get } from 'node:http'
import { observeUrl } from './docker-address.ts'

// The health check of the image, which has no curl: exit code 0 when the processor is ready, else 1 and why on stdout,
// where `docker inspect` shows it. The engine's own timeout ends it when nothing answers.

const end = (text: string, code: number): void => {
  process.stdout.write(text)
  process.exitCode = code
}

get(`${observeUrl}/health/ready`, response => {
  response.setEncoding('utf8')
  let body = ''
  response.on('data', (chunk: string) => (body += chunk))
  response.on('end', () => end(body, response.statusCode === 200 ? 0 : 1))
}).on('error', error => end(`${observeUrl} does not answer: ${error.message}\n`, 1))
