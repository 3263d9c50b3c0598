/** `npm run deploy`: Worker, schema and secrets on the account, in one command. */
import { chooseSecrets, type DeployPlan, formatPlan, parseSecretList, planDeploy } from "./deploy-plan.ts";
import { runWrangler } from "./wrangler.ts";

try {
  const plan = planDeploy(process.argv.slice(2));
  if (plan.isDryRun) {
    process.stdout.write(formatPlan(plan));
    await runWrangler(plan.deploy);
  } else {
    await deploy(plan);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function deploy(plan: DeployPlan): Promise<void> {
  await runWrangler(plan.deploy);
  await runWrangler(plan.migrate, { env: { CI: "1" } });
  const present = parseSecretList(await runWrangler(plan.listSecrets, { stdio: ["inherit", "pipe", "inherit"] }));
  const chosen = chooseSecrets(present, process.env);
  if (Object.keys(chosen).length === 0) {
    console.log("All secrets are set already and stay as they are.");
    return;
  }
  await runWrangler(plan.setSecrets, { stdio: ["pipe", "inherit", "inherit"], input: JSON.stringify(chosen) });
  console.log(`Set: ${Object.keys(chosen).join(", ")}`);
  const { ROOT_ACCESS_KEY_ID: id, ROOT_SECRET_ACCESS_KEY: secret, SEAL_KEY: sealKey } = chosen;
  console.log("\nShown this once, since Cloudflare shows no secret again; keep them:");
  if (id !== undefined) console.log(`  Access key id      ${id}`);
  if (secret !== undefined) console.log(`  Secret access key  ${secret}`);
  // Without it the secret of no other access key can be read any more.
  if (sealKey !== undefined) console.log(`  Seal key           ${sealKey}`);
}
