/** Which approval a message is about: those about one go out in their order. */
export const webhookOrder = `
ALTER TABLE webhook_deliveries ADD COLUMN about TEXT NOT NULL DEFAULT '';
CREATE INDEX webhook_deliveries_by_approval ON webhook_deliveries (webhook_id, about);
`;
