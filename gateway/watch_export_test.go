package gateway

// ShardOf returns the shard of a family.
var ShardOf = shardOf
