import { get as httpGet } from 'node:http'

export type Response = { readonly status: number; readonly body: string }

/** One GET on a connection of its own; null if nothing answered in time. */
export function get(
  host: string,
  port: number,
  path: string,
  timeoutMs: number,
): Promise<Response | null> {
  return new Promise(resolve => {
    const request = httpGet(
      { host, port, path, agent: false, signal: AbortSignal.timeout(timeoutMs) },
      response => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (body += chunk))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
        response.on('error', () => resolve(null))
      },
    )
    request.on('error', () => resolve(null))
  })
}
