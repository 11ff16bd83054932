/**
 * A schema of any library that follows Standard Schema (https://standardschema.dev): valibot, zod, arktype and others. Only what is used here.
 */
export interface Schema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** What a schema makes of a value: the value, or what is wrong with it. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: ReadonlyArray<{ readonly message: string }> }

/** The type of a value that passed the schema. */
export type OutputOf<S extends Schema> = NonNullable<S['~standard']['types']>['output']
