CREATE TABLE `recovery_code` (
	`hash` text PRIMARY KEY NOT NULL,
	`anon` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `recovery_code_by_anon` ON `recovery_code` (`anon`);--> statement-breakpoint
ALTER TABLE `pseudonym` ADD `uidp_tag` text;