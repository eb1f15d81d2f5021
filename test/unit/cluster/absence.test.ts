import t from 'tap'
import { isGone, noteAbsences, type PodPresence } from '../../../agent/cluster/absence.ts'
import type { NodeId } from '../../../agent/cluster/node-id.ts'
import type { AgentFacts, ClusterView } from '../../../agent/cluster/view.ts'
import { mastersOf, silence, standing } from '../../helper/loss.ts'
import type { Model, ModelServer } from '../../helper/model.ts'

type Setting = {
  readonly model: Model
  readonly dead: ModelServer
  readonly pods: PodPresence[]
  /** Observes at that time, with these pods by the API; the proof for the dead node, if any. */
  readonly observe: (nowMs: number, pods?: readonly PodPresence[] | null) => number | undefined
}

/** A cluster of which one master died; the API still names every pod. */
function setUp(): Setting {
  const model = standing()
  const [dead] = mastersOf(model)
  if (!dead) throw new Error('no master')
  silence(dead)
  const pods = model.servers.map(({ ordinal, address }) => ({
    name: `redis-cluster-${ordinal}`,
    uid: `uid-${ordinal}`,
    phase: 'Running',
    ip: address,
  }))
  let known: ReadonlyMap<NodeId, number> = new Map()
  return {
    model,
    dead,
    pods,
    observe: (nowMs, seen = pods) => {
      model.nowMs = nowMs
      known = noteAbsences(known, model.view(), seen)
      return known.get(dead.id)
    },
  }
}

const change = (pods: readonly PodPresence[], ordinal: number, to: Partial<PodPresence>) =>
  pods.map(pod => (pod.name === `redis-cluster-${ordinal}` ? { ...pod, ...to } : pod))

const without = (pods: readonly PodPresence[], ordinal: number) =>
  pods.filter(({ name }) => name !== `redis-cluster-${ordinal}`)

void t.test('a pod that the API does not name is absent, since it was first seen so', async t => {
  const { dead, pods, observe } = setUp()
  t.equal(observe(0), undefined, 'it runs by the API')
  t.equal(observe(10, without(pods, dead.ordinal)), 10)
  t.equal(observe(20, without(pods, dead.ordinal)), 10)
})

void t.test('one observation without proof begins the time anew', async t => {
  const { dead, pods, observe } = setUp()
  const gone = without(pods, dead.ordinal)
  t.equal(observe(10, gone), 10)
  t.equal(observe(20, null), undefined, 'the API did not answer')
  t.equal(observe(30, gone), 30)
  t.equal(observe(40), undefined, 'the pod is there')
  t.equal(observe(50, gone), 50)
})

void t.test('which pods cannot run a process', async t => {
  const { dead, pods, observe } = setUp()
  for (const [to, isAbsent] of [
    [{ phase: 'Failed' }, true],
    [{ phase: 'Succeeded' }, true],
    [{ phase: 'Pending', ip: '' }, true],
    [{ phase: 'Pending' }, false],
    [{ phase: 'Running', uid: 'another' }, false],
    [{ phase: 'Unknown' }, false],
  ] as const)
    t.equal(observe(10, change(pods, dead.ordinal, to)) !== undefined, isAbsent, JSON.stringify(to))
})

void t.test(
  'its own agent with another id proves it, if it is the pod that the API names',
  async t => {
    const { model, dead, pods, observe } = setUp()
    model.wipe(dead.ordinal)
    t.equal(observe(10), 10)
    t.equal(observe(20, change(pods, dead.ordinal, { uid: 'another' })), undefined)
    t.equal(observe(30, without(pods, dead.ordinal)), undefined, 'the API does not know it yet')
  },
)

void t.test('its own agent with the old id is the opposite of a proof', async t => {
  const { model, dead, pods, observe } = setUp()
  model.server(dead.ordinal).agentUp = true
  t.equal(observe(10, without(pods, dead.ordinal)), undefined)
  t.equal(observe(20, change(pods, dead.ordinal, { phase: 'Failed' })), undefined)
})

void t.test('the agent of a silent server knows only what its volume held before', async t => {
  const { model, dead, pods } = setUp()
  model.server(dead.ordinal).agentUp = true
  const says = (facts: Partial<AgentFacts>): number => {
    const view = model.view()
    const agents = view.pods.map(pod =>
      pod.pod.ordinal === dead.ordinal && pod.agent.state === 'answered'
        ? { ...pod, agent: { ...pod.agent, facts: { ...pod.agent.facts, ...facts } } }
        : pod,
    )
    return noteAbsences(new Map(), { ...view, pods: agents }, pods).size
  }
  const none = { nodeId: null, dataset: 'none' } as const
  const other = { nodeId: 'e'.repeat(40) as NodeId }
  t.equal(says({ ...none, gateOpenMs: 1000 }), 0, 'it began blank, and has an id by now')
  t.equal(says({ ...other, gateOpenMs: 1000 }), 0, 'it began with another id')
  t.equal(says({ ...none, gateOpenMs: null }), 1, 'it has not begun, and its volume is empty')
  t.equal(says({ ...other, gateOpenMs: null }), 1, 'it has not begun, and is another node')
  t.equal(says({ nodeId: null, dataset: 'present', gateOpenMs: null }), 0, 'its data lies there')
})

void t.test('a node that some server hears is not absent, whatever the API says', async t => {
  const { model, dead, pods, observe } = setUp()
  const heard = (view: ClusterView): ClusterView => ({
    ...view,
    pods: view.pods.map((pod, i) =>
      i === 5 && pod.server.state === 'answered'
        ? {
            ...pod,
            server: {
              ...pod.server,
              facts: {
                ...pod.server.facts,
                nodes: pod.server.facts.nodes.map(node =>
                  node.id === dead.id ? { ...node, flags: new Set(['master'] as const) } : node,
                ),
              },
            },
          }
        : pod,
    ),
  })
  const gone = without(pods, dead.ordinal)
  t.equal(noteAbsences(new Map(), heard(model.view()), gone).size, 0)
  t.equal(observe(0, gone), 0)
})

void t.test('a pod of another StatefulSet or namespace is nobody that we could miss', async t => {
  const { model, pods } = setUp()
  for (const hostname of [
    'other-0.redis-cluster.default.svc.cluster.local',
    'redis-cluster-9.redis-cluster.other.svc.cluster.local',
    'redis-cluster-x.redis-cluster.default.svc.cluster.local',
    '',
  ]) {
    for (const server of model.servers)
      server.ghosts = [{ id: 'f'.repeat(40) as NodeId, hostname, slots: [], linked: false }]
    t.equal(noteAbsences(new Map(), model.view(), pods).size, 0, hostname)
  }
})

void t.test('gone is who was absent for so long', async t => {
  const { model, dead } = setUp()
  model.absent.set(dead.id, 100)
  model.nowMs = 60_099
  t.notOk(isGone(model.view(), dead.id, 60_000))
  model.nowMs = 60_100
  t.ok(isGone(model.view(), dead.id, 60_000))
})
