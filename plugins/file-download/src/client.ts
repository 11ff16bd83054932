import { defineClientPlugin, MsgError, type CommandContext, type CommandValues } from 'msg-cli/plugin'
import { amount } from './amount.ts'
import { checkpointOf, limitOf } from './options.ts'
import { protocol, type Item } from './protocol.ts'

/** The client's half: `files` and `download` at the prompt. */
export default defineClientPlugin({
  protocol,
  setup(client) {
    /** What is on the shelf under what is being typed; names with blanks are typed by hand, in quotes. */
    const complete = async (words: readonly string[]): Promise<string[]> => {
      const typed = words.at(-1) ?? ''
      const folder = typed.slice(0, typed.lastIndexOf('/') + 1)
      const { items } = await client.request('list', { folder: trimmed(folder) })
      return items
        .map(({ name, kind }) => `${folder}${name}${kind === 'folder' ? '/' : ''}`)
        .filter((name) => !/\s/u.test(name))
    }

    client.command({
      name: 'files',
      summary: "what is on the server's shelf, or in a folder of it",
      arguments: [{ name: 'folder', optional: true }],
      complete,
      async run(values) {
        const folder = trimmed(values.optional('folder') ?? '')
        const files: Item[] = []
        let after: string | undefined
        while (files.length < MAX_LISTED) {
          const page = await client.request('list', after === undefined ? { folder } : { folder, after })
          files.push(...page.items)
          if (page.next === null) break
          // A server that goes round in circles is not followed.
          if (after !== undefined && page.next <= after)
            throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'the list of files does not end' })
          after = page.next
        }
        return { folder, files }
      },
      text: ({ folder, files }, visible) =>
        files.length === 0
          ? ['Nothing is on the shelf.']
          : rows(files)
              .map((row) => visible(row))
              .concat(hint(folder)),
    })

    client.command({
      name: 'download',
      summary: "fetch a file or folder from the server's shelf; what a stopped download has is kept",
      arguments: [{ name: 'name' }],
      complete: async (words) => (words.length > 1 ? [] : await complete(words)),
      options: { to: { value: 'folder', kind: 'path' }, checkpoint: { value: 'percent' }, limit: { value: 'rate' } },
      background: true,
      async run(values, context) {
        const path = trimmed(values.text('name'))
        const done = await client.transfers.download({
          request: (id) => client.request('get', { path, id }),
          to: values.optional('to'),
          signal: context.signal,
          ...limits(values),
          ...checkpoint(values, context),
        })
        const { type: _type, direction: _direction, with: _with, room: _room, path: landed, ...receipt } = done
        return { download: { ...receipt, from: path, path: landed } }
      },
      // The event `transfer.done` says it.
      text: () => [],
    })
  },
})

function limits(values: CommandValues): { limit?: number } {
  const text = values.optional('limit')
  return text === undefined ? {} : { limit: limitOf(text) }
}

/** Half way, a person is asked; a script goes on. */
function checkpoint(values: CommandValues, { confirm }: CommandContext): { checkpoint?: number } {
  const at = checkpointOf(values.optional('checkpoint'))
  return at === undefined || confirm === undefined ? {} : { checkpoint: at }
}

function rows(files: readonly Item[]): string[] {
  const sizes = files.map(({ size }) => (size === null ? 'folder' : amount(size)))
  const width = Math.max(...sizes.map((size) => size.length))
  return files.map(
    ({ name, kind, modified }, i) =>
      `${(sizes[i] ?? '').padStart(width)}  ${modified.slice(0, 10)}  ${name}${kind === 'folder' ? '/' : ''}`,
  )
}

const hint = (folder: string): string[] => [`download ${folder === '' ? '' : `${folder}/`}<name> fetches one of them.`]

/** People write folders with a slash at the end. */
const trimmed = (path: string): string => path.trim().replace(/^\.?\/+|\/+$/gu, '')

/** Enough to be read; more is a matter for folders. */
const MAX_LISTED = 10_000
