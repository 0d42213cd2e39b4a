import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** A folder of keys and certificates that live as long as one test file. */
export class TestKeys {
  readonly folder = mkdtempSync(path.join(tmpdir(), "edgenym-keys-"));

  /** @returns the path of a file in the folder */
  path(name: string): string {
    return path.join(this.folder, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  /** An authority, or a certificate that signs for itself: `{name}.key`, `{name}.crt`. */
  selfSigned(name: string, commonName: string, ...extensions: string[]): void {
    this.#openssl(
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${commonName}`],
      ...extensions.flatMap((extension) => ["-addext", extension]),
      ...["-keyout", this.path(`${name}.key`), "-out", this.path(`${name}.crt`)],
    );
  }

  /** A server's certificate for one host name, from an authority made before. */
  issued(name: string, host: string, authority: string): void {
    const request = this.path(`${name}.csr`);
    this.#openssl(
      ...["req", "-newkey", "rsa:2048", "-nodes", "-subj", `/CN=${host}`],
      ...["-addext", `subjectAltName=DNS:${host}`, "-keyout", this.path(`${name}.key`), "-out", request],
    );
    this.#openssl(
      ...["x509", "-req", "-in", request, "-days", "2", "-copy_extensions", "copy"],
      ...["-CA", this.path(`${authority}.crt`), "-CAkey", this.path(`${authority}.key`), "-CAcreateserial"],
      ...["-out", this.path(`${name}.crt`)],
    );
    chmodSync(this.path(`${name}.key`), 0o600);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #openssl(...args: string[]): void {
    execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
  }
}
