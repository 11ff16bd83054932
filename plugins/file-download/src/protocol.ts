import { defineProtocol, message } from 'msg-cli/plugin'
import * as v from 'msg-cli/valibot'

/** A path on the shelf: names separated by `/`, relative to its root. What it may be is checked where it is used. */
const Path = v.pipe(v.string(), v.maxLength(4_096))

const Item = v.object({
  /** Its name in the folder that was asked for. */
  name: v.string(),
  kind: v.picklist(['file', 'folder']),
  /** Bytes; null for a folder. */
  size: v.nullable(v.number()),
  /** ISO 8601 in UTC. */
  modified: v.string(),
})

/** One thing on the shelf. */
export type Item = v.InferOutput<typeof Item>

/** What the halves say to each other. */
export const protocol = defineProtocol({
  id: 'file-download',
  version: 1,
  messages: {
    /** What is in a folder, page by page; '' is the root. `after` is the last name of the page before. */
    list: message({
      from: 'client',
      maxBytes: 32_768,
      schema: v.object({ folder: Path, after: v.optional(v.pipe(v.string(), v.maxLength(4_096))) }),
      answer: {
        maxBytes: 61_440,
        schema: v.object({ items: v.array(Item), next: v.nullable(v.string()) }),
      },
    }),
    /** Offers a file or folder over the link, under the id that the client expects. */
    get: message({
      from: 'client',
      maxBytes: 32_768,
      schema: v.object({ path: Path, id: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)) }),
      answer: {
        maxBytes: 61_440,
        schema: v.object({ name: v.string(), kind: v.picklist(['file', 'folder']), size: v.number() }),
      },
    }),
  },
})
