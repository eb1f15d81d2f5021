declare const brand: unique symbol

/** The 40 hexadecimal digits by which a node is known for as long as its nodes.conf lives. */
export type NodeId = string & { readonly [brand]: 'NodeId' }

/** The text as a node id, or null if it is not 40 hexadecimal digits. */
export const asNodeId = (text: string): NodeId | null =>
  /^[0-9a-f]{40}$/.test(text) ? (text as NodeId) : null

/** A node id as people read it: its first eight digits. */
export const shortId = (id: NodeId): string => id.slice(0, 8)
