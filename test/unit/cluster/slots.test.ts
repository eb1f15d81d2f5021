import t from 'tap'
import {
  eachSlot,
  rangesOf,
  subtract,
  union,
  type SlotRange,
} from '../../../agent/cluster/slots.ts'
import { createDice, type Dice } from '../../helper/generate.ts'

const some = (dice: Dice): SlotRange[] =>
  Array.from({ length: dice.below(5) }, () => {
    const first = dice.below(40)
    return [first, first + dice.below(12)]
  })

void t.test('ranges are added and taken away as their slots are', async t => {
  const dice = createDice(1)
  for (let round = 0; round < 500; round++) {
    const a = some(dice)
    const b = some(dice)
    const both = union([...a, ...b])
    const rest = subtract(a, b)
    const without = new Set(eachSlot(b))
    const wanted = {
      both: rangesOf([...eachSlot(a), ...eachSlot(b)]),
      rest: rangesOf([...eachSlot(a)].filter(slot => !without.has(slot))),
    }
    if (JSON.stringify({ both, rest }) !== JSON.stringify(wanted))
      t.strictSame({ both, rest }, wanted, `${JSON.stringify(a)} and ${JSON.stringify(b)}`)
  }
  t.strictSame(
    subtract(
      [[0, 16383]],
      [
        [5, 7],
        [0, 1],
      ],
    ),
    [
      [2, 4],
      [8, 16383],
    ],
  )
  t.strictSame(
    union([
      [4, 6],
      [0, 3],
      [9, 9],
    ]),
    [
      [0, 6],
      [9, 9],
    ],
  )
})
