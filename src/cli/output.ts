import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** Where a command writes, and whether there may be colours in it. */
export interface Output {
  readonly color: boolean
  write(text: string): void
  paint(style: Style, text: string): string
}

/** Colours by NO_COLOR, FORCE_COLOR and the kind of the stream. */
export const streamOutput = (stream: NodeJS.WriteStream): Output => {
  const probe = styleText('bold', 'x', { stream })
  return output((text) => stream.write(text), probe !== 'x')
}

export const output = (write: (text: string) => void, color: boolean): Output => ({
  color,
  write,
  paint: (style, text) => (color ? styleText(style, text, { validateStream: false }) : text),
})
