/** What {@link startOrder} needs to know of a plugin. */
export interface Startable {
  readonly id: string
  readonly requires: readonly string[]
}

/**
 * The order in which plugins start: each after those it requires, otherwise as given.
 *
 * @returns those that start, and why the others do not.
 */
export function startOrder<T extends Startable>(
  plugins: readonly T[],
): { readonly order: readonly T[]; readonly refused: ReadonlyArray<{ readonly plugin: T; readonly reason: string }> } {
  const order: T[] = []
  const refused: Array<{ plugin: T; reason: string }> = []
  const started = new Set<string>()
  const first = new Map<string, T>()
  for (const plugin of plugins) {
    if (first.has(plugin.id)) refused.push({ plugin, reason: 'another plugin with this id is there already' })
    else first.set(plugin.id, plugin)
  }
  let waiting = [...first.values()]
  for (;;) {
    const next = waiting.find(({ requires }) => requires.every((id) => started.has(id)))
    if (!next) break
    started.add(next.id)
    order.push(next)
    waiting = waiting.filter((plugin) => plugin !== next)
  }
  for (const plugin of waiting) {
    const missing = plugin.requires.filter((id) => !started.has(id))
    const reason = missing.some((id) => first.has(id))
      ? `it requires ${missing.join(', ')}, which does not start before it`
      : `it requires ${missing.join(', ')}, which is not there`
    refused.push({ plugin, reason })
  }
  return { order, refused }
}
