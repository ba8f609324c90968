// One level of load, by autocannon. Reads what to send from standard input, writes what came back to standard output.
// autocannon's own figures have no 95th percentile and no kinds of errors: both come from its answers here.
import { createRequire } from 'node:module'

const given = JSON.parse(await new Response(process.stdin).text())
const autocannon = createRequire(given.packages + '/')('autocannon')
const answers = {}
const troubles = {}
const milliseconds = []

function count (into, key) { into[key] = (into[key] ?? 0) + 1 }

function kind (status, body, headers) {
  const type = headers?.['x-amzn-errortype'] ?? headers?.['X-Amzn-ErrorType']
  const text = String(body).replace(/\s+/g, ' ').slice(0, 160)
  return `${status} ${type ? String(type).split(':')[0] : text}`.trim()
}

const run = autocannon({
  url: given.url,
  method: 'POST',
  connections: given.connections,
  duration: given.seconds,
  timeout: given.timeout,
  workers: 0,
  requests: [{
    headers: given.headers,
    body: Buffer.from(given.body, 'base64'),
    onResponse: (status, body, _, headers) => {
      if (status >= 200 && status < 300) count(answers, status)
      else count(troubles, kind(status, body, headers))
    }
  }]
}, (error, result) => {
  if (error) {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
    return
  }
  if (result.timeouts) troubles[`no answer within ${given.timeout} s`] = result.timeouts
  process.stdout.write(JSON.stringify({ seconds: result.duration, answers, troubles, milliseconds }))
})
run.on('response', (_, status, __, took) => { if (status >= 200 && status < 300) milliseconds.push(took) })
run.on('reqError', (error) => {
  if (error.message !== 'request timed out') count(troubles, error.code ?? error.message)
})
