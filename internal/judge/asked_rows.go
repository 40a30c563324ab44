package judge

// LiveWord reports whether a row's status plainly says that the company is being paid
// for. Apps have words of their own; one that is not known says nothing.
func LiveWord(status string) bool { return liveWord(status) }

// EndedWord reports whether a row's status plainly says that the subscription is over.
func EndedWord(status string) bool { return endedStatus(status) }
