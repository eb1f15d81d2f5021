/** One way to damage a nodes.conf, and what it stands for. */
export type Way = { readonly way: string; readonly damage: (text: string) => string }

const lines = (text: string): string[] => text.split('\n')
const mapLine = (text: string, match: RegExp, change: (line: string) => string): string =>
  lines(text)
    .map(line => (match.test(line) ? change(line) : line))
    .join('\n')
const without = (text: string, match: RegExp): string =>
  lines(text)
    .filter(line => !match.test(line))
    .join('\n')

/** Every way of damage that was seen or can be thought of; some leave a file that is read. */
export const ways: readonly Way[] = [
  { way: 'as it was', damage: text => text },
  { way: 'half of the file', damage: text => text.slice(0, Math.floor(text.length / 2)) },
  { way: 'a line cut after its address', damage: text => text.slice(0, text.indexOf(' ') + 12) },
  { way: 'an id cut', damage: text => text.slice(3) },
  { way: 'no own line', damage: text => without(text, /myself/) },
  {
    way: 'two own lines',
    damage: text => mapLine(text, / master /, l => l.replace(' master ', ' myself,master ')),
  },
  {
    way: 'only vars',
    damage: text => `${lines(text).find(line => line.startsWith('vars')) ?? ''}\n`,
  },
  {
    way: 'only the own line',
    damage: text => `${lines(text).find(line => /myself/.test(line)) ?? ''}\n`,
  },
  { way: 'no vars', damage: text => without(text, /^vars/) },
  { way: 'vars cut', damage: text => text.replace(/ \d+\n$/, '\n') },
  { way: 'no newline at the end', damage: text => text.trimEnd() },
  { way: 'an empty line in the middle', damage: text => text.replace('\n', '\n\n') },
  { way: 'padded with newlines', damage: text => `${text}\n\n\n\n` },
  { way: 'a line of blanks', damage: text => text.replace('\n', '\n   \n') },
  { way: 'padded with NULs', damage: text => text + '\0'.repeat(64) },
  { way: 'only NULs', damage: text => '\0'.repeat(text.length) },
  {
    way: 'the second half NULs',
    damage: text => text.slice(0, text.length / 2) + '\0'.repeat(text.length / 2),
  },
  { way: 'garbage at the end', damage: text => `${text}\u0001\u0002garbage\n` },
  { way: 'garbage at the start', damage: text => `}{garbage ${text}` },
  { way: 'an unknown flag', damage: text => text.replace(' master ', ' mister ') },
  {
    way: 'an address without a port',
    damage: text => text.replace(/(127\.0\.0\.1):\d+@\d+/, '$1'),
  },
  { way: 'a slot out of range', damage: text => text.replace('10923-16383', '10923-26383') },
  {
    way: "a master's id cut",
    damage: text =>
      mapLine(text, / slave /, l => l.replace(/( (myself,)?slave [0-9a-f]{20})[0-9a-f]{20}/, '$1')),
  },
  {
    way: "an open slot's id cut",
    damage: text => text.replace(/(\[\d+-[<>]-[0-9a-f]{20})[0-9a-f]{20}\]/, '$1]'),
  },
  {
    way: 'an aux field without a value',
    damage: text => mapLine(text, /myself/, l => l.replace(' myself', ',,nodename= myself')),
  },
]
