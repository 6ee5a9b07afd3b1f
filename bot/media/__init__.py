"""Pictures and voice notes of seekers on their way to staff: fetched, cleaned in a process of their own, stored sealed."""
