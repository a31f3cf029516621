import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Answer, Question } from './child.ts'

const FILE = fileURLToPath(new URL('./child.ts', import.meta.url))

/** A child that measures what it is asked. */
export class MeasuringProcess {
  readonly #child: ChildProcess
  readonly #exit: Promise<unknown>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#exit = once(child, 'exit')
  }

  /** Ready for questions about the inputs in `folder`. With `profile` it leaves a CPU profile in that folder at its end. */
  static async start(folder: string, profile: string | undefined): Promise<MeasuringProcess> {
    const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
    const child = fork(FILE, [folder], { execArgv: ['--expose-gc', ...profiling], serialization: 'advanced' })
    const started = new MeasuringProcess(child)
    await started.#next()
    return started
  }

  /** Rejects when the process ends in place of an answer. */
  async ask(question: Question): Promise<Answer> {
    const answer = this.#next()
    this.#child.send(question)
    return (await answer) as Answer
  }

  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    await this.#exit
  }

  #next(): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const ended = (code: number | null): void => reject(new Error(`a measuring process ended with ${code}`))
    this.#child.once('exit', ended)
    this.#child.once('message', (message) => {
      this.#child.off('exit', ended)
      resolve(message)
    })
    return promise
  }
}
