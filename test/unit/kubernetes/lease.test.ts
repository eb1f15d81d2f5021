import t from 'tap'
import type { Api, LeaseFacts } from '../../../agent/kubernetes/api.ts'
import { ApiError } from '../../../agent/kubernetes/api-error.ts'
import { createLeadership, type Leadership } from '../../../agent/kubernetes/lease.ts'

const { signal } = new AbortController()

type LeaseApi = Api & {
  fail: ((write: boolean) => 'before' | 'after' | null) | null
  /** Somebody deletes the Lease. */
  drop: () => void
}

/** A Lease with resourceVersions, in memory; `fail` makes a call fail before or after its effect. */
function leaseApi(): LeaseApi {
  let lease: LeaseFacts | 'gone' = 'gone'
  let version = 0
  const away = () => new ApiError('away', 0, 'no answer')
  const conflict = () => new ApiError('conflict', 409, 'changed meanwhile')
  async function write(change: () => LeaseFacts): Promise<LeaseFacts> {
    const fails = api.fail?.(true)
    if (fails === 'before') throw away()
    lease = change()
    if (fails === 'after') throw away()
    return lease
  }
  const api: Partial<LeaseApi> & Pick<LeaseApi, 'fail'> = {
    fail: null,
    drop: () => {
      lease = 'gone'
    },
    readLease: async () => {
      if (api.fail?.(false)) throw away()
      return lease
    },
    createLease: record =>
      write(() => {
        if (lease !== 'gone') throw conflict()
        return { ...record, version: `${++version}` }
      }),
    replaceLease: (record, of) =>
      write(() => {
        if (lease === 'gone') throw new ApiError('gone', 404, 'not found')
        if (lease.version !== of) throw conflict()
        return { ...record, version: `${++version}` }
      }),
  }
  return api as LeaseApi
}

/** Two agents, each with clocks of its own: the monotonic ones start apart, the walls are 5 s apart. */
function twoAgents() {
  const time = { ms: 0 }
  const api = leaseApi()
  const a = createLeadership(api, {
    holder: 'redis-cluster-0_a',
    nowMs: () => time.ms + 77_000,
    wallMs: () => 1_700_000_000_000 + time.ms,
  })
  const b = createLeadership(api, {
    holder: 'redis-cluster-1_b',
    nowMs: () => time.ms,
    wallMs: () => 1_700_000_005_000 + time.ms,
  })
  return { time, api, a, b }
}

const tryOnce = (who: Leadership): Promise<void> => who.attempt(signal).catch(() => {})

void t.test('the first one gains it, and nobody else while it renews', async t => {
  const { time, a, b } = twoAgents()
  t.notOk(a.mayAct(), 'not before it was asked for')
  for (time.ms = 0; time.ms < 60_000; time.ms += 2000) {
    await a.attempt(signal)
    await b.attempt(signal)
    t.ok(a.mayAct())
    t.notOk(b.mayAct())
  }
  t.match(b.status(), { held: false, holder: 'redis-cluster-0_a', because: /0_a holds the lease/ })
})

void t.test(
  'a silent holder stops before the next one begins, whatever their clocks say',
  async t => {
    const { time, a, b } = twoAgents()
    await a.attempt(signal)
    let both = 0
    let nobody = 0
    let gainedMs = -1
    for (time.ms = 0; time.ms <= 10_000; time.ms += 100) {
      if (time.ms % 2000 === 0) await b.attempt(signal)
      if (a.mayAct() && b.mayAct()) both += 1
      if (!a.mayAct() && !b.mayAct()) nobody += 1
      if (gainedMs < 0 && b.mayAct()) gainedMs = time.ms
    }
    t.equal(both, 0)
    t.ok(nobody > 0, 'there is time in between')
    t.equal(gainedMs, 6000)
    t.notOk(a.mayAct())
    await a.attempt(signal)
    t.notOk(a.mayAct(), 'the old holder sees the new one')
  },
)

void t.test(
  'an API that is away ends the right to act at the deadline; one that is back restores it',
  async t => {
    const { time, api, a } = twoAgents()
    await a.attempt(signal)
    api.fail = () => 'before'
    time.ms = 3900
    await tryOnce(a)
    t.ok(a.mayAct(), 'within the deadline')
    time.ms = 4000
    t.notOk(a.mayAct())
    time.ms = 3_600_000
    await tryOnce(a)
    t.notOk(a.mayAct())
    api.fail = null
    await a.attempt(signal)
    t.ok(a.mayAct())
  },
)

void t.test('a renewal counts from its start, however late it was answered', async t => {
  const { time, api, a } = twoAgents()
  api.fail = () => {
    time.ms += 3000
    return null
  }
  await a.attempt(signal)
  t.equal(time.ms, 6000)
  t.ok(a.mayAct(), 'written at 3 s, answered at 6 s')
  time.ms = 7000
  t.notOk(a.mayAct())
})

void t.test('a renewal whose answer was lost is no loss', async t => {
  const { time, api, a, b } = twoAgents()
  await a.attempt(signal)
  time.ms = 2000
  api.fail = write => (write ? 'after' : null)
  await tryOnce(a)
  api.fail = null
  await a.attempt(signal)
  t.ok(a.mayAct())
  await b.attempt(signal)
  t.notOk(b.mayAct())
})

void t.test('a takeover that failed once is tried again without another wait', async t => {
  const { time, api, a, b } = twoAgents()
  await a.attempt(signal)
  await b.attempt(signal)
  time.ms = 6000
  api.fail = write => (write ? 'before' : null)
  await tryOnce(b)
  t.notOk(b.mayAct())
  api.fail = null
  time.ms = 6100
  await b.attempt(signal)
  t.ok(b.mayAct())
})

void t.test('a released lease is taken at once, and whoever released it does not act', async t => {
  const { a, b } = twoAgents()
  await a.attempt(signal)
  await a.release(signal)
  t.notOk(a.mayAct())
  await b.attempt(signal)
  t.ok(b.mayAct())
})

void t.test('of two at once one gains it', async t => {
  const { a, b } = twoAgents()
  await Promise.all([a.attempt(signal), b.attempt(signal)])
  t.equal([a, b].filter(who => who.mayAct()).length, 1)
})

void t.test('a deleted lease does not cut short the time of its holder', async t => {
  const { time, api, a, b } = twoAgents()
  await a.attempt(signal)
  await b.attempt(signal)
  api.drop()
  time.ms = 1000
  await b.attempt(signal)
  t.ok(a.mayAct())
  t.notOk(b.mayAct())
})

void t.test('campaigns while wanted, releases when not, and at the end', async t => {
  const { api, a, b } = twoAgents()
  const stop = new AbortController()
  const ended = Promise.all([a.campaign(stop.signal), b.campaign(stop.signal)])
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise(resolve => setTimeout(resolve, 5))
  }
  a.want(true)
  await until(() => a.mayAct())
  a.want(false)
  b.want(true)
  await until(() => !a.mayAct())
  await until(() => b.mayAct())
  stop.abort()
  await ended
  t.notOk(b.mayAct())
  const lease = await api.readLease(signal)
  t.match(lease, { holder: '' }, 'nobody holds it')
})
