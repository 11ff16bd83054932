import type Libsql from 'libsql'

/** The synchronous SQLite connection that the tables of a profile share. */
export type Database = Libsql.Database
/** A prepared statement. */
export type Statement = ReturnType<Database['prepare']>
