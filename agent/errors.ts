/** Every way in which the agent fails on purpose; the code is stable, for logs and tests. */
export type ErrorCode =
  'CONFIG' | 'DNS' | 'REDIS' | 'API' | 'GATE' | 'SOCKET' | 'USAGE' | 'INVARIANT'

/** An error with a stable code and a message that names what, where and what is allowed. */
export class AgentError extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AgentError'
    this.code = code
  }
}

/** What went wrong, as a sentence; anything may be thrown. */
export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
