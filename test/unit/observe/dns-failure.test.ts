import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { podsOf } from '../../../agent/cluster/pods.ts'
import { createObserver } from '../../../agent/observe/observe.ts'

void t.test('names the same pod however late its answer comes', async t => {
  const domain = 'redis-cluster.default.svc.cluster.local'
  const observer = createObserver({
    resolver: {
      addressesOf: async name => {
        await sleep(name.startsWith('redis-cluster-0.') ? 50 : 0)
        return { state: 'failed', because: 'SERVFAIL' }
      },
    },
    connections: {
      readServer: () => Promise.reject(new Error('nobody is asked')),
      whoIs: () => Promise.reject(new Error('nobody is asked')),
    },
    podIp: '127.0.0.1',
    httpPort: 1,
    serviceDomain: domain,
    ownFacts: () => {
      throw new Error('not asked')
    },
    nowMs: () => 0,
  })
  t.teardown(() => observer.close())
  const pods = podsOf('redis-cluster', domain, { below: 3 })
  const view = await observer.observeCluster(pods, new AbortController().signal)
  t.equal(view.dnsFailure, `redis-cluster-0.${domain}: SERVFAIL`)
})
