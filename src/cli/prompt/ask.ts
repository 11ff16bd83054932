import { MsgError } from '../../core/errors.ts'

/** Asks for a password on the terminal without showing it. @throws MSG_ERR_CANCELLED when the person leaves with Ctrl-C. */
export async function askSecret(question: string): Promise<string> {
  const { password } = await import('@inquirer/prompts')
  try {
    return await password({ message: question, mask: false })
  } catch (error) {
    throw new MsgError('MSG_ERR_CANCELLED', { detail: 'no password was given', cause: error })
  }
}

/** Asks on the terminal; whoever only presses Enter says no. @throws MSG_ERR_CANCELLED when the person leaves with Ctrl-C. */
export async function confirmed(question: string): Promise<boolean> {
  const { confirm } = await import('@inquirer/prompts')
  try {
    return await confirm({ message: question, default: false })
  } catch (error) {
    throw new MsgError('MSG_ERR_CANCELLED', { detail: 'nothing was changed', cause: error })
  }
}
