import t from 'tap'
import { readWish } from '../../../agent/kubernetes/wish.ts'

const nothing = { masters: null, paused: false, acceptDataLoss: null, ignored: [] }

void t.test('no annotation, no wish; those of others are none of ours', async t => {
  t.same(readWish({}), nothing)
  t.same(readWish({ 'kubectl.kubernetes.io/restartedAt': 'now' }), nothing)
})

void t.test('reads what a person asked for', async t => {
  t.same(
    readWish({
      'redis-cluster-agent/masters': '5',
      'redis-cluster-agent/paused': 'true',
      'redis-cluster-agent/accept-data-loss': '0-5460 5462',
    }),
    {
      masters: 5,
      paused: true,
      acceptDataLoss: [
        [0, 5460],
        [5462, 5462],
      ],
      ignored: [],
    },
  )
})

void t.test('a bad value is left out and named with what is allowed', async t => {
  const bad = {
    masters: ['2', '0', '-3', '3.5', 'three', '', '1001'],
    paused: ['yes', 'True', '', '1'],
    'accept-data-loss': ['true', '', '5-3', '16384', '1--2', 'all'],
  }
  for (const [name, values] of Object.entries(bad))
    for (const value of values) {
      const { ignored, ...wish } = readWish({ [`redis-cluster-agent/${name}`]: value })
      t.same({ ...wish, ignored: [] }, nothing, `${name}=${value}`)
      t.equal(ignored.length, 1)
      t.match(ignored[0], `annotation redis-cluster-agent/${name} is ${JSON.stringify(value)};`)
      t.match(ignored[0], /allowed: ./)
    }
})
