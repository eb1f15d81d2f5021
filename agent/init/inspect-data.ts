import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { readNodesConf, type NodesConf } from '../cluster/nodes-conf.ts'
import { readIfThere } from './file.ts'

/** What init found on the pod's volume, for its one log line. */
export type DataFound = {
  readonly nodesConf: NodesConf['state']
  readonly nodeId?: string
  /** Lines of other nodes, for a member. */
  readonly peers?: number
  readonly because?: string
  /** Which files of a dataset there are: an append-only directory, an RDB file. */
  readonly dataset: readonly string[]
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

function summary(conf: NodesConf): Omit<DataFound, 'dataset'> {
  switch (conf.state) {
    case 'none':
      return { nodesConf: 'none' }
    case 'blank':
      return { nodesConf: 'blank', nodeId: conf.nodeId }
    case 'damaged':
      return { nodesConf: 'damaged', because: conf.because }
    case 'member': {
      const nodes = conf.lines.filter(line => line.node !== null).length
      return { nodesConf: 'member', nodeId: conf.nodeId, peers: nodes - 1 }
    }
  }
}

/** Looks at DATA_DIR and changes nothing. */
export async function inspectData(dataDir: string): Promise<DataFound> {
  const dataset: string[] = []
  for (const name of ['appendonlydir', 'dump.rdb'])
    if (await exists(join(dataDir, name))) dataset.push(name)
  const conf = readNodesConf(await readIfThere(join(dataDir, 'nodes.conf')))
  return { ...summary(conf), dataset }
}
