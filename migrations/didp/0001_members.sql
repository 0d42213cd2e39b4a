CREATE TABLE `invitation` (
	`token_hash` text PRIMARY KEY NOT NULL,
	`manufacturer` text NOT NULL,
	`expires_ms` integer NOT NULL,
	FOREIGN KEY (`manufacturer`) REFERENCES `manufacturer`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `member` (
	`manufacturer` text NOT NULL,
	`anon` text NOT NULL,
	PRIMARY KEY(`anon`, `manufacturer`),
	FOREIGN KEY (`manufacturer`) REFERENCES `manufacturer`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
ALTER TABLE `manufacturer` ADD `jwks` text;