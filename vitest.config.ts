import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 240_000,
    hookTimeout: 240_000,
    pool: "forks",
    maxWorkers: 2,
    // A shared machine may starve real processes for seconds. What was repeated is told in the
    // output; tests on virtual time fail twice alike.
    retry: process.env.CI === "true" ? 1 : 0,
  },
});
