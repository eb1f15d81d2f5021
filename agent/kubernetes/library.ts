/**
 * What the agent uses of client-node. Loaded by `import()` as one chunk: an `import()` of the package
 * itself would bundle, and keep in memory, every API that Kubernetes has.
 */
export {
  AppsV1Api,
  CoordinationV1Api,
  CoreV1Api,
  createConfiguration,
  Observable,
  PatchStrategy,
  ServerConfiguration,
  setHeaderOptions,
  V1MicroTime,
} from '@kubernetes/client-node'
