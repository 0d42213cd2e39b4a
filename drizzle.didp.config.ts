import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "sqlite",
  schema: "./workers/didp/src/db/schema.ts",
  out: "./migrations/didp",
});
