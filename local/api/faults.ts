/**
 * How the API misbehaves.
 * - `away`: no connection is taken, open ones are cut.
 * - `hang`: requests are read and never answered.
 * - `status`: every request is answered with it, `times` times or until told otherwise.
 * - `stale`: the next request on a connection that was used before is cut off unanswered, once: what
 *   a client sees whose request crosses the server's closing of an idle connection.
 */
export type Fault =
  | { readonly type: 'away' }
  | { readonly type: 'hang' }
  | {
      readonly type: 'status'
      readonly code: number
      readonly retryAfterSeconds?: number
      readonly times?: number
    }
  | { readonly type: 'stale' }
