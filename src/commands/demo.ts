import { Command } from '@oclif/core'
export default class Demo extends Command {
  static override summary = 'hi'
  async run() {
    this.log('hi')
  }
}
