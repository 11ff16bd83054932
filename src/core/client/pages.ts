/** Every page of a list, in order. @param fetch - gets the page after a cursor. */
export async function allPages<Page extends { readonly next: string | null }>(
  fetch: (after: { after?: string }) => Promise<Page>,
): Promise<Page[]> {
  const pages: Page[] = []
  for (
    let next: string | null | undefined;
    next !== null && pages.length < MAX_PAGES;
    next = pages.at(-1)?.next ?? null
  )
    pages.push(await fetch(next === undefined ? {} : { after: next }))
  return pages
}

/** A server that never ends its list is not followed for ever. */
const MAX_PAGES = 10_000
