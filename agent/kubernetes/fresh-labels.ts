import type { PodFacts, Texts } from './api.ts'

type Written = { readonly labels: Texts; readonly atMs: number }

/**
 * The labels of pods, as the last poll saw them and as they were written since. Without the second
 * half every cycle until the next poll would write the same labels again.
 */
export function createFreshLabels(nowMs: () => number) {
  const written = new Map<string, Written>()
  return {
    /** The pods of a poll that was sent at `askedMs`, with what was written after that. */
    apply(pods: readonly PodFacts[], askedMs: number): PodFacts[] {
      for (const [uid, { atMs }] of written) if (atMs < askedMs) written.delete(uid)
      return pods.map(pod => {
        const since = written.get(pod.uid)
        return since ? { ...pod, labels: { ...pod.labels, ...since.labels } } : pod
      })
    },
    note(uid: string, labels: Texts): void {
      const before = written.get(uid)?.labels
      written.set(uid, { labels: { ...before, ...labels }, atMs: nowMs() })
    },
  }
}
