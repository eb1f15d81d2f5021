import { readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
import type { Target } from './answer.ts'

/** A rule of a Role. */
export type Rule = {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

/** The rules of every Role in a file of manifests, the ones that the agent has on Kubernetes. */
export function readRules(manifest: string): Rule[] {
  return parseAllDocuments(readFileSync(manifest, 'utf8')).flatMap(document => {
    const object = document.toJS() as { kind?: string; rules?: Rule[] } | null
    return object?.kind === 'Role' ? (object.rules ?? []) : []
  })
}

/** Whether a Role with these rules may do it, as RBAC decides it. */
export const allows = (rules: readonly Rule[], verb: string, target: Target): boolean =>
  rules.some(
    ({ apiGroups, resources, resourceNames, verbs }) =>
      apiGroups.includes(target.group) &&
      resources.includes(target.resource) &&
      verbs.includes(verb) &&
      // A rule with names never covers create or list: such a request names no object.
      (resourceNames === undefined ||
        resourceNames.length === 0 ||
        resourceNames.includes(target.name)),
  )

/** Just what the agent asks of the API, for a stand-in that is not told what a Role allows. */
export const agentRules: readonly Rule[] = [
  { apiGroups: ['apps'], resources: ['statefulsets'], verbs: ['get', 'patch'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'patch'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get', 'create', 'update'],
  },
]
