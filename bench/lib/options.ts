/** The chosen ones of `all`, in the order of the choice `a,b`; all when nothing was chosen. Throws on an unknown name. */
export const chosen = <T extends string>(all: readonly T[], choice: string | undefined): readonly T[] =>
  choice === undefined
    ? all
    : choice.split(',').map((name) => {
        const found = all.find((one) => one === name)
        if (found === undefined) throw new Error(`there is no ${JSON.stringify(name)}, but ${all.join(', ')}`)
        return found
      })

/** The value of `--name`, from 1. */
export const wholeNumber = (name: string, text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1`)
  return value
}
