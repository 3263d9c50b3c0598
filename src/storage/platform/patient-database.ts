import { inTime } from "../../model/deadline.ts";
import type { Waits } from "./waits.ts";

type Prepares = Pick<D1Database, "prepare" | "batch">;

/** The database, whose calls end. */
export function patientDatabase(db: D1Database, waits: Waits): D1Database {
  const patient = {
    ...calls(db, waits),
    withSession(constraint?: string) {
      const session = db.withSession(constraint);
      return { ...calls(session, waits), getBookmark: () => session.getBookmark() };
    },
  };
  return patient as unknown as D1Database;
}

function calls(db: Prepares, { callMs: ms }: Waits): Prepares {
  return {
    prepare: (query) => new PatientStatement(db.prepare(query), ms) as unknown as D1PreparedStatement,
    batch: (statements) => inTime(db.batch(statements.map(PatientStatement.inner)), { ms, what: "D1 batch" }),
  };
}

class PatientStatement {
  readonly #statement: D1PreparedStatement;
  readonly #ms: number;

  constructor(statement: D1PreparedStatement, ms: number) {
    this.#statement = statement;
    this.#ms = ms;
  }

  /** The platform's own statement, which its batch takes. */
  static inner(this: void, statement: D1PreparedStatement): D1PreparedStatement {
    return statement instanceof PatientStatement ? statement.#statement : statement;
  }

  bind(...values: unknown[]): PatientStatement {
    return new PatientStatement(this.#statement.bind(...values), this.#ms);
  }

  first(column?: string): Promise<unknown> {
    return this.#inTime(column === undefined ? this.#statement.first() : this.#statement.first(column));
  }

  run(): Promise<D1Result> {
    return this.#inTime(this.#statement.run());
  }

  all(): Promise<D1Result> {
    return this.#inTime(this.#statement.all());
  }

  #inTime<Value>(call: Promise<Value>): Promise<Value> {
    return inTime(call, { ms: this.#ms, what: "D1 query" });
  }
}
