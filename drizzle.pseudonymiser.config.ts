import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "sqlite",
  schema: "./workers/pseudonymiser/src/schema.ts",
  out: "./migrations/pseudonymiser",
});
