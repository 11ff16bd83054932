import type { traceLinks } from '../../core/index.ts'
import { visible } from '../../core/wire/visible.ts'

/**
 * Traces the links of this process into a file, if there is one.
 *
 * @param warn - told once when the file cannot be written any more: the links go on without it.
 * @returns stops, and resolves when the file is complete.
 * @throws MSG_ERR_USAGE when the file cannot be opened.
 */
export function traced(
  core: { readonly traceLinks: typeof traceLinks },
  path: string | undefined,
  warn: (message: string) => void,
): () => Promise<void> {
  if (path === undefined) return async () => {}
  return core.traceLinks(path, {
    onError: ({ code, message }) =>
      warn(`the trace ends here: ${visible(path)} cannot be written any more (${code ?? message})`),
  })
}
